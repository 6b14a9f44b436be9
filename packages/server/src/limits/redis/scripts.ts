import { createHash } from 'node:crypto';
import { processExpiryMs, processForgottenMs } from '../rate-level.ts';

/*
 * What Redis runs: one script for each call, so that no other client comes between its reads and its writes. The arithmetic is
 * that of `rate-level.ts`. Each script decides before its first write (but for places
 * that it finds to be free).
 *
 *     tailrace:limits:processes        sorted set: process → its last beat
 *     tailrace:limits:rate:SCOPE       text: time, level and limit of requests, level and limit of tokens; expires when all
 *                                      of it has flowed off
 *     tailrace:limits:streams:SCOPE    hash: process → running streams; expires a day after the last change
 *     tailrace:limits:ping             what a restore without entries writes
 *
 * The keys of one script have no slot in common, so a Redis Cluster cannot run them.
 */
const shared = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local window = tonumber(ARGV[1])
local tolerance = 1e-6
local day = 86400000

local function text(number) return string.format('%.17g', number) end

local function levelNow(level, saved, limit, elapsed)
  if limit <= 0 or saved <= 0 then return 0 end
  if limit < saved then level = level * limit / saved end
  return math.max(0, level - elapsed * limit / window)
end

-- Time, level and limit of requests, level and limit of tokens, as texts; nil where nothing is saved.
local function savedAt(key)
  return string.match(redis.call('GET', key) or '', '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
end

-- The limits of the last decision. A lease may be older than a change of its key: written under the limits of the lease, the
-- levels of the new ones would be lost.
local function latest(key, requestLimit, tokenLimit)
  local at, r, rl, t, tl = savedAt(key)
  if not at then return requestLimit, tokenLimit end
  if tonumber(rl) >= 0 then requestLimit = tonumber(rl) end
  if tonumber(tl) >= 0 then tokenLimit = tonumber(tl) end
  return requestLimit, tokenLimit
end

-- Levels of requests and tokens. A limit of -1 is none.
local function levels(key, requestLimit, tokenLimit)
  local at, r, rl, t, tl = savedAt(key)
  if not at then return 0, 0 end
  -- Where the clock has been put back, the time since is unknown: nothing has flowed off.
  local elapsed = math.max(0, now - tonumber(at))
  return levelNow(tonumber(r), tonumber(rl), requestLimit, elapsed),
    levelNow(tonumber(t), tonumber(tl), tokenLimit, elapsed)
end

local function writeLevels(key, requestLimit, tokenLimit, requests, tokens)
  local wait = 0
  if requestLimit > 0 then wait = math.max(wait, requests * window / requestLimit) else requests = 0 end
  if tokenLimit > 0 then wait = math.max(wait, tokens * window / tokenLimit) else tokens = 0 end
  if wait == 0 then redis.call('DEL', key) return end
  local value = table.concat({text(now), text(requests), text(requestLimit), text(tokens), text(tokenLimit)}, ' ')
  redis.call('SET', key, value, 'PX', string.format('%.0f', math.min(math.ceil(wait) + 1000, 1e15)))
end

local function corrected(level, units, limit, reserved, age)
  local most = math.max(0, math.max(limit, reserved) - age * limit / window)
  return math.max(0, level + math.max(units, -most))
end

local function beat(process)
  redis.call('ZADD', KEYS[1], now, process)
  redis.call('PEXPIRE', KEYS[1], day)
end

local function addStreams(key, process, count)
  if redis.call('HINCRBY', key, process, count) <= 0 then redis.call('HDEL', key, process) end
  redis.call('PEXPIRE', key, day)
end
`;

/** A script, and the hash by which the server knows it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(body: string): Script {
  const text = `${shared}${body}`;
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/*
 * KEYS: the processes; then for each scope its rate and its streams.
 * ARGV: the window, what each script needs, then for each scope its limits of requests, tokens and streams.
 */

/**
 * ARGV: window, process, tokens of the prompt, of the completion. Returns 1, reserved tokens, time; or 0, limit, index of the
 * scope, wait. Then the levels of each scope, as they are afterwards.
 */
export const takeScript = script(`
local process, prompt, completion = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local count = (#KEYS - 1) / 2
local beats = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local known = {[process] = now}
for i = 1, #beats, 2 do if beats[i] ~= process then known[beats[i]] = tonumber(beats[i + 1]) end end

local kind, whose, longest
local function refuse(limit, index, wait)
  wait = math.max(1, math.ceil(wait))
  if not longest or wait > longest then kind, whose, longest = limit, index, wait end
end
local function waitFor(units, limit) if limit > 0 then return units * window / limit end return window end

local requests, tokens, limits, limited = {}, {}, {}, false
for i = 1, count do
  local rl, tl, sl = tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3]), tonumber(ARGV[3 * i + 4])
  limits[i] = {rl, tl, sl}
  requests[i], tokens[i] = levels(KEYS[2 * i], rl, tl)
  if rl >= 0 and requests[i] + 1 > rl + tolerance then
    refuse('requests', i, waitFor(requests[i] + 1 - rl, rl))
  end
  if tl >= 0 then
    limited = true
    local room = tl - tokens[i]
    if prompt > tl and tl > 0 then
      if tokens[i] > tolerance then refuse('tokens', i, waitFor(tokens[i], tl)) end
    elseif prompt > room + tolerance then
      refuse('tokens', i, waitFor(prompt - room, tl))
    end
    completion = math.min(completion, math.max(0, math.floor(room - prompt + tolerance)))
  end
  if sl >= 0 then
    local running = 0
    local places = redis.call('HGETALL', KEYS[2 * i + 1])
    for j = 1, #places, 2 do
      local seen = known[places[j]]
      if not seen then redis.call('HDEL', KEYS[2 * i + 1], places[j])
      elseif math.abs(now - seen) <= ${processExpiryMs} then running = running + tonumber(places[j + 1]) end
    end
    if running >= sl then refuse('streams', i, 1000) end
  end
end

local answer
if longest then
  answer = {'0', kind, tostring(whose), text(longest)}
else
  local reserved = limited and prompt + completion or 0
  answer = {'1', text(reserved), text(now), ''}
  beat(process)
  for i = 1, count do
    requests[i], tokens[i] = requests[i] + 1, tokens[i] + reserved
    writeLevels(KEYS[2 * i], limits[i][1], limits[i][2], requests[i], tokens[i])
    if limits[i][3] >= 0 then addStreams(KEYS[2 * i + 1], process, 1) end
  end
end
for i = 1, count do
  answer[#answer + 1] = text(requests[i])
  answer[#answer + 1] = text(tokens[i])
end
return answer
`);

/** ARGV: window, process, time of the lease, reserved tokens, used tokens, requests that are given back. */
export const settleScript = script(`
local process, age = ARGV[2], math.max(0, now - tonumber(ARGV[3]))
local reserved, used, returned = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 1, (#KEYS - 1) / 2 do
  local rl, tl, sl = tonumber(ARGV[3 * i + 4]), tonumber(ARGV[3 * i + 5]), tonumber(ARGV[3 * i + 6])
  if rl >= 0 or tl >= 0 then
    local requestLimit, tokenLimit = latest(KEYS[2 * i], rl, tl)
    local requests, tokens = levels(KEYS[2 * i], requestLimit, tokenLimit)
    if rl >= 0 then requests = corrected(requests, -returned, requestLimit, 1, age) end
    if tl >= 0 then tokens = corrected(tokens, used - reserved, tokenLimit, reserved, age) end
    writeLevels(KEYS[2 * i], requestLimit, tokenLimit, requests, tokens)
  end
  if sl >= 0 then addStreams(KEYS[2 * i + 1], process, -1) end
end
return 1
`);

/** ARGV: window. Returns the levels of each scope. */
export const lookScript = script(`
local answer = {}
for i = 1, (#KEYS - 1) / 2 do
  local requests, tokens = levels(KEYS[2 * i], tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]))
  answer[#answer + 1] = text(requests)
  answer[#answer + 1] = text(tokens)
end
return answer
`);

/** KEYS: the processes, the ping. ARGV: window, process or ''. */
export const beatScript = script(`
redis.call('SET', KEYS[2], '1', 'PX', 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${processForgottenMs})
if ARGV[2] ~= '' then beat(ARGV[2]) end
return 1
`);

/** ARGV: window; for each scope its limits, the process, its streams, the owed tokens. */
export const restoreScript = script(`
for i = 1, (#KEYS - 1) / 2 do
  local first = 6 * i - 4
  local rl, tl, sl = tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
  local process, streams, owed = ARGV[first + 3], tonumber(ARGV[first + 4]), tonumber(ARGV[first + 5])
  beat(process)
  if tl >= 0 and owed ~= 0 then
    local requestLimit, tokenLimit = latest(KEYS[2 * i], rl, tl)
    local requests, tokens = levels(KEYS[2 * i], requestLimit, tokenLimit)
    writeLevels(KEYS[2 * i], requestLimit, tokenLimit, requests, math.max(0, tokens + owed))
  end
  if sl >= 0 then
    local key = KEYS[2 * i + 1]
    if streams > 0 then redis.call('HSET', key, process, streams) else redis.call('HDEL', key, process) end
    redis.call('PEXPIRE', key, day)
  end
end
return 1
`);
