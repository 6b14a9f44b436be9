import { type Script, script } from '../../redis/redis-connection.ts';
import { processExpiryMs, processForgottenMs } from '../rate-level.ts';

/*
 * What Redis runs: one script for each call, so that no other client comes between its reads and its writes. The arithmetic is
 * that of `rate-level.ts`. Each script decides before its first write (but for places
 * that it finds to be free).
 *
 *     tailrace:limits:processes        sorted set: process → its last beat
 *     tailrace:limits:rate:SCOPE       text: time, level and limit of requests, level and limit of tokens, in the order of
 *                                      `savedAt`; expires when all of it has flowed off
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

-- A saved rate: its time, and the levels of requests and of tokens with their limits; nil where nothing is saved.
local function savedAt(key)
  local n = {}
  for number in string.gmatch(redis.call('GET', key) or '', '%S+') do n[#n + 1] = tonumber(number) end
  if #n ~= 13 then return nil end
  local function level(i)
    return {units = n[i], part = n[i + 1], returned = n[i + 2], since = n[i + 3], mixed = n[i + 4], limit = n[i + 5]}
  end
  return {at = n[1], requests = level(2), tokens = level(8)}
end

-- The limits of the last decision. A lease may be older than a change of its key: written under the limits of the lease, the
-- levels of the new ones would be lost.
local function latest(saved, requestLimit, tokenLimit)
  if not saved then return requestLimit, tokenLimit end
  if saved.requests.limit >= 0 then requestLimit = saved.requests.limit end
  if saved.tokens.limit >= 0 then tokenLimit = saved.tokens.limit end
  return requestLimit, tokenLimit
end

-- A limit of -1 is none.
local function levelNow(saved, kind, limit)
  local level = saved and saved[kind]
  -- Where the clock has been put back, the time since is unknown: nothing has flowed off.
  local windows = saved and math.max(0, now - saved.at) / window or 0
  if not level or limit < 0 or level.limit < 0 or level.part - windows <= 0 then
    return {units = 0, part = 0, returned = 0, since = now, mixed = now}
  end
  if limit ~= level.limit then level.mixed = now + (level.part - windows) * window end
  level.part = level.part - windows
  level.units = math.max(0, level.units - windows * limit)
  if now >= level.mixed then level.units = math.min(level.units, level.part * limit) end
  return level
end

local function levels(saved, requestLimit, tokenLimit)
  return levelNow(saved, 'requests', requestLimit), levelNow(saved, 'tokens', tokenLimit)
end

local function takenOf(level, limit) return limit > 0 and math.min(level.units, level.part * limit) or 0 end

local function markOf(level, limit) return limit > 0 and takenOf(level, limit) / limit + level.returned or 0 end

local function change(level, units, part)
  level.units = math.max(0, level.units + units)
  level.part = math.max(0, level.part + part)
  level.returned = level.returned + math.max(0, -part)
end

local function add(level, more, limit)
  if limit > 0 then change(level, more, more / limit) end
end

local function correct(level, more, limit, leaseLimit, mark, takenAt)
  if more >= 0 then return add(level, more, limit) end
  if leaseLimit <= 0 or takenAt < level.since then return end
  local left = math.max(0, mark - level.returned - math.max(0, now - takenAt) / window)
  local unitsLeft = level.mixed <= takenAt and left * limit or 0
  change(level, -math.min(-more, unitsLeft), -math.min(-more / leaseLimit, left))
end

local function writeLevels(key, requestLimit, tokenLimit, requests, tokens)
  local wait = 0
  local words = {text(now)}
  local function put(level, limit)
    if limit >= 0 then wait = math.max(wait, level.part * window) end
    for _, number in ipairs({level.units, level.part, level.returned, level.since, level.mixed, limit}) do
      words[#words + 1] = text(number)
    end
  end
  put(requests, requestLimit)
  put(tokens, tokenLimit)
  if wait == 0 then redis.call('DEL', key) return end
  redis.call('SET', key, table.concat(words, ' '), 'PX', string.format('%.0f', math.min(math.ceil(wait) + 1000, 1e15)))
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

function withShared(body: string): Script {
  return script(`${shared}${body}`);
}

/*
 * KEYS: the processes; then for each scope its rate and its streams.
 * ARGV: the window, what each script needs, then for each scope its limits of requests, tokens and streams.
 */

/**
 * ARGV: window, process, tokens of the prompt, of the completion. Returns 1, reserved tokens, time; or 0, limit, index of the
 * scope, wait. Then the levels of each scope, as they are afterwards, and where it is allowed the marks of the lease.
 */
export const takeScript = withShared(`
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

local before, requests, tokens, limits, limited = {}, {}, {}, {}, false
for i = 1, count do
  local rl, tl, sl = tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3]), tonumber(ARGV[3 * i + 4])
  limits[i] = {rl, tl, sl}
  before[i] = {levels(savedAt(KEYS[2 * i]), rl, tl)}
  requests[i], tokens[i] = takenOf(before[i][1], rl), takenOf(before[i][2], tl)
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
    local rl, tl = limits[i][1], limits[i][2]
    local r, t = before[i][1], before[i][2]
    add(r, 1, rl)
    add(t, reserved, tl)
    requests[i], tokens[i] = takenOf(r, rl), takenOf(t, tl)
    writeLevels(KEYS[2 * i], rl, tl, r, t)
    if limits[i][3] >= 0 then addStreams(KEYS[2 * i + 1], process, 1) end
  end
end
for i = 1, count do
  answer[#answer + 1] = text(requests[i])
  answer[#answer + 1] = text(tokens[i])
end
if not longest then
  for i = 1, count do
    answer[#answer + 1] = text(markOf(before[i][1], limits[i][1]))
    answer[#answer + 1] = text(markOf(before[i][2], limits[i][2]))
  end
end
return answer
`);

/**
 * ARGV: window, process, time of the lease, reserved tokens, used tokens, requests that are given back; for each scope the limits
 * of the lease, and its marks of requests and tokens.
 */
export const settleScript = withShared(`
local process, takenAt = ARGV[2], tonumber(ARGV[3])
local reserved, used, returned = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 1, (#KEYS - 1) / 2 do
  local own = {}
  for j = 1, 5 do own[j] = tonumber(ARGV[5 * i + 1 + j]) end
  local rl, tl, sl = own[1], own[2], own[3]
  if rl >= 0 or tl >= 0 then
    local saved = savedAt(KEYS[2 * i])
    local requestLimit, tokenLimit = latest(saved, rl, tl)
    local requests, tokens = levels(saved, requestLimit, tokenLimit)
    if rl >= 0 then correct(requests, -returned, requestLimit, rl, own[4], takenAt) end
    if tl >= 0 then correct(tokens, used - reserved, tokenLimit, tl, own[5], takenAt) end
    writeLevels(KEYS[2 * i], requestLimit, tokenLimit, requests, tokens)
  end
  if sl >= 0 then addStreams(KEYS[2 * i + 1], process, -1) end
end
return 1
`);

/** ARGV: window. Returns the levels of each scope. */
export const lookScript = withShared(`
local answer = {}
for i = 1, (#KEYS - 1) / 2 do
  local rl, tl = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local requests, tokens = levels(savedAt(KEYS[2 * i]), rl, tl)
  answer[#answer + 1] = text(takenOf(requests, rl))
  answer[#answer + 1] = text(takenOf(tokens, tl))
end
return answer
`);

/** KEYS: the processes, the ping. ARGV: window, process or ''. */
export const beatScript = withShared(`
redis.call('SET', KEYS[2], '1', 'PX', 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${processForgottenMs})
if ARGV[2] ~= '' then beat(ARGV[2]) end
return 1
`);

/** ARGV: window; for each scope its limits, the process, its streams, the owed tokens. */
export const restoreScript = withShared(`
for i = 1, (#KEYS - 1) / 2 do
  local first = 6 * i - 4
  local rl, tl, sl = tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
  local process, streams, owed = ARGV[first + 3], tonumber(ARGV[first + 4]), tonumber(ARGV[first + 5])
  beat(process)
  if tl >= 0 and owed ~= 0 then
    local saved = savedAt(KEYS[2 * i])
    local requestLimit, tokenLimit = latest(saved, rl, tl)
    local requests, tokens = levels(saved, requestLimit, tokenLimit)
    add(tokens, owed, tokenLimit)
    writeLevels(KEYS[2 * i], requestLimit, tokenLimit, requests, tokens)
  end
  if sl >= 0 then
    local key = KEYS[2 * i + 1]
    if streams > 0 then redis.call('HSET', key, process, streams) else redis.call('HDEL', key, process) end
    redis.call('PEXPIRE', key, day)
  end
end
return 1
`);
