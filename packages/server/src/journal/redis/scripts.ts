import { type Script, script } from '../../redis/redis-connection.ts';
import { prefix } from './keys.ts';

/*
 * What Redis runs: one script for each call, so that no other client comes between its reads and its writes. Each may be
 * carried out twice: a call whose answer was lost is sent again, and a copy of it may even come later than what followed.
 *
 * The fields of a stream's hash:
 *
 *     facts, head, ending   JSON; head and ending are absent before they are known
 *     process, epoch        the process that writes, and the number that it must show; whoever takes the stream from it raises it
 *     first, last           numbers of the oldest and the newest entry of `s:ID`; the ending's own number comes after `last`
 *     bytes                 of the payloads in `s:ID`
 *     once                  the key of the idempotency key that has begun it
 *     followed              milliseconds of Redis' clock until which another replica follows the stream
 *     lost                  events are missing: every reader is refused
 *     none                  the request was refused before output: nobody finds it, only those who wait for it get its ending, for
 *                           a minute; so long a late copy of its begin finds the id taken, too
 *
 * The keys of one script lie in several slots, so a Redis Cluster cannot run them.
 */
const shared = `
local prefix = '${prefix}'
local noneMs = 60000

local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What is known of a stream, and where have >= 0 its newest events after number have, the newest first: all of them, or so many
-- as fit into limit bytes. Only these callers, who have found it before, see a stream that is none any more.
local function stateOf(id, have, limit)
  local f = redis.call('HMGET', prefix .. 'm:' .. id, 'facts', 'process', 'epoch', 'head', 'first', 'last', 'ending', 'lost', 'none')
  if f[8] then return {'lost'} end
  if not f[1] or (f[9] and have < 0) then return {'unknown'} end
  local first, last = tonumber(f[5]), tonumber(f[6])
  local events = prefix .. 's:' .. id
  -- Redis has dropped the entries to win memory.
  if redis.call('XLEN', events) ~= last - first + 1 then return {'lost'} end
  local state = {'stream', f[1], f[2], f[3], f[4] or '', f[5], f[6], f[7] or '', tostring(redis.call('EXISTS', prefix .. 'p:' .. f[2]))}
  if have < 0 then return state end
  local least = math.max(first, have + 1)
  local bytes = 0
  while last >= least do
    local some = redis.call('XREVRANGE', events, last .. '-0', least .. '-0', 'COUNT', 16)
    if #some == 0 then break end
    for i = 1, #some do
      bytes = bytes + #some[i][2][2]
      if bytes > limit then return state end
      state[#state + 1] = some[i][2][2]
    end
    last = last - #some
  end
  return state
end

local function publishMore(id, from, first, head, ending, payloads)
  local lengths = {from, first}
  for i = 1, #payloads do lengths[i + 2] = #payloads[i] end
  redis.call('PUBLISH', prefix .. 'c:' .. id,
    table.concat({'more', table.concat(lengths, ' '), head, ending, table.concat(payloads)}, '\\n'))
end

-- The stream is kept for its retention from now on. The idempotency key of a request that failed before output is free again.
local function keepEnded(id, once, forgetOnce, retention)
  redis.call('PEXPIRE', prefix .. 'm:' .. id, retention)
  redis.call('PEXPIRE', prefix .. 's:' .. id, retention)
  if not once then return end
  if forgetOnce then redis.call('DEL', once) else redis.call('PEXPIRE', once, retention) end
end

local function onceIs(once, id)
  local value = redis.call('GET', once)
  return value and string.sub(value, 1, #id + 1) == id .. '\\n'
end
`;

const withShared = (body: string) => script(`${shared}${body}`);

/**
 * KEYS: the stream's hash, the beat, the idempotency key if any. ARGV: id, facts, process, fingerprint, expiry, beat's expiry.
 * Returns `begun`, `conflict`, `refused`, or the state of the stream that the key has begun.
 */
export const beginScript = withShared(`
local meta, once = KEYS[1], KEYS[3]
local id, facts, process, fingerprint, expiry = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if once then
  local value = redis.call('GET', once)
  if value then
    local at = string.find(value, '\\n', 1, true)
    local known = string.sub(value, 1, at - 1)
    if string.sub(value, at + 1) ~= fingerprint then return {'conflict'} end
    if known ~= id then
      local state = stateOf(known, -1, 0)
      if state[1] ~= 'unknown' then return state end
    end
  end
end
if redis.call('EXISTS', meta) == 1 then
  local f = redis.call('HMGET', meta, 'process', 'epoch', 'last', 'ending', 'lost')
  -- A second copy of the same call, whose first answer was lost.
  if f[1] == process and f[2] == '1' and f[3] == '0' and not f[4] and not f[5] then return {'begun'} end
  return {'refused'}
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[6])
redis.call('HSET', meta, 'facts', facts, 'process', process, 'epoch', '1', 'first', '1', 'last', '0', 'bytes', '0')
redis.call('PEXPIRE', meta, expiry)
if once then
  redis.call('HSET', meta, 'once', once)
  redis.call('SET', once, id .. '\\n' .. fingerprint, 'PX', expiry)
end
return {'begun'}
`);

/** KEYS: the stream's hash. ARGV: id. Returns its state. */
export const findScript = withShared(`return stateOf(ARGV[1], -1, 0)`);

/** KEYS: the idempotency key. ARGV: fingerprint. Returns the state of the stream that it has begun, or `conflict`. */
export const findOnceScript = withShared(`
local value = redis.call('GET', KEYS[1])
if not value then return {'unknown'} end
local at = string.find(value, '\\n', 1, true)
if string.sub(value, at + 1) ~= ARGV[1] then return {'conflict'} end
return stateOf(string.sub(value, 1, at - 1), -1, 0)
`);

/**
 * Appends to any number of streams. KEYS: for each its hash and its entries. ARGV: retention, expiry of a running stream, bytes
 * of a stream; then for each stream id, epoch, number of its first event here, count of events, head or '', ending or '', what the
 * ending does (`keep`, `forget`: also the idempotency key, `remove`), the payloads.
 *
 * Events that the stream has are skipped, so a call may come twice. Returns nothing for a stream that has taken everything; for
 * another `INDEX gone` or `INDEX fenced`, and `INDEX first N` where its oldest events had to go.
 */
export const appendScript = withShared(`
local retention, expiry, bound = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = nowMs()
local answer = {}
local at = 4

local function trim(events, first, last, bytes)
  while bytes > bound and first < last do
    local some = redis.call('XRANGE', events, '-', '+', 'COUNT', 16)
    local gone = 0
    for i = 1, #some do
      if bytes <= bound or first >= last then break end
      bytes = bytes - #some[i][2][2]
      first = first + 1
      gone = gone + 1
    end
    redis.call('XTRIM', events, 'MAXLEN', last - first + 1)
  end
  return first, bytes
end

for i = 1, #KEYS, 2 do
  local meta, events = KEYS[i], KEYS[i + 1]
  local id, epoch, from, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local head, ending, after = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  local payloads = at + 7
  at = payloads + count
  local f = redis.call('HMGET', meta, 'epoch', 'first', 'last', 'bytes', 'once', 'followed', 'ending', 'lost')
  local first, last, bytes = tonumber(f[2]), tonumber(f[3]), tonumber(f[4])
  local index = tostring((i - 1) / 2)
  if f[8] or not f[1] then
    answer[#answer + 1] = index .. ' gone'
  elseif f[1] ~= epoch then
    answer[#answer + 1] = index .. ' fenced'
  elseif f[7] then
    -- A second copy of what has ended it changes nothing.
    if ending == '' or from + count - 1 ~= last then answer[#answer + 1] = index .. ' gone' end
  elseif from > last + 1 or redis.call('XLEN', events) ~= last - first + 1 then
    answer[#answer + 1] = index .. ' gone'
  else
    local next = last + 1
    local added = {}
    for number = next, from + count - 1 do
      local payload = ARGV[payloads + number - from]
      redis.call('XADD', events, number .. '-0', 'p', payload)
      bytes = bytes + #payload
      added[#added + 1] = payload
    end
    if #added > 0 then
      last = last + #added
      if next == 1 then redis.call('PEXPIRE', events, expiry) end
      if bytes > bound then
        first, bytes = trim(events, first, last, bytes)
        answer[#answer + 1] = index .. ' first ' .. first
        redis.call('HSET', meta, 'first', first)
      end
      redis.call('HSET', meta, 'last', last, 'bytes', bytes)
    end
    if head ~= '' then redis.call('HSET', meta, 'head', head) end
    if f[6] and tonumber(f[6]) > now then publishMore(id, next, first, head, ending, added) end
    if after == 'remove' then
      if f[5] and onceIs(f[5], id) then redis.call('DEL', f[5]) end
      redis.call('DEL', events)
      redis.call('HSET', meta, 'none', '1', 'ending', ending, 'first', '1', 'last', '0')
      redis.call('PEXPIRE', meta, noneMs)
    elseif ending ~= '' then
      redis.call('HSET', meta, 'ending', ending)
      keepEnded(id, f[5], after == 'forget', retention)
    end
  end
end
return answer
`);

/**
 * KEYS: hash, entries. ARGV: numbers of the first and the last event that may come, bytes. Returns `unknown`, or `first` and the
 * number of the oldest entry where the first one is gone, or `events` and their payloads, at least one.
 */
export const loadScript = withShared(`
local f = redis.call('HMGET', KEYS[1], 'facts', 'first', 'last', 'bytes')
if not f[1] then return {'unknown'} end
local next, to, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local first, kept = tonumber(f[2]), tonumber(f[3]) - tonumber(f[2]) + 1
if next < first then return {'first', f[2]} end
local count = math.max(1, math.min(256, math.floor(limit * kept / (tonumber(f[4]) + 1))))
local answer = {'events'}
local bytes = 0
while next <= to and bytes < limit do
  local some = redis.call('XRANGE', KEYS[2], next .. '-0', to .. '-0', 'COUNT', count)
  if #some == 0 or some[1][1] ~= next .. '-0' then break end
  for i = 1, #some do
    answer[#answer + 1] = some[i][2][2]
    bytes = bytes + #some[i][2][2]
  end
  next = next + #some
end
return answer
`);

/**
 * A replica begins to follow a stream, or reads again where it has missed something. KEYS: the stream's hash. ARGV: id, process of
 * the follower, number of the newest event that it has, bytes of events to return, milliseconds for which it counts as there.
 * What is published after it comes to the follower's channel, so there is no gap. Returns the state, with the newest events.
 */
export const followScript = withShared(`
local state = stateOf(ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]))
if state[1] == 'stream' and state[8] == '' then
  redis.call('HSET', KEYS[1], 'followed', nowMs() + ARGV[5])
  redis.call('PUBLISH', prefix .. 'r:' .. state[3], 'came ' .. ARGV[2] .. ' ' .. ARGV[1])
end
return state
`);

/**
 * What each process does every two seconds. KEYS: the own beat, the hashes of streams that it follows. ARGV: the beat's expiry (0:
 * no beat), process, milliseconds for which a follower counts as there, count of other processes; then for each of these its id,
 * the count of its streams to say so for, and their ids. Returns the other processes that have no beat.
 */
export const tickScript = withShared(`
if ARGV[1] ~= '0' then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
local process, untilMs = ARGV[2], nowMs() + ARGV[3]
for i = 2, #KEYS do
  if redis.call('HEXISTS', KEYS[i], 'facts') == 1 then redis.call('HSET', KEYS[i], 'followed', untilMs) end
end
local dead = {}
local at = 5
for _ = 1, tonumber(ARGV[4]) do
  local other, count = ARGV[at], tonumber(ARGV[at + 1])
  if redis.call('EXISTS', prefix .. 'p:' .. other) == 0 then dead[#dead + 1] = other end
  if count > 0 then
    redis.call('PUBLISH', prefix .. 'r:' .. other,
      'here ' .. process .. ' ' .. table.concat(ARGV, ' ', at + 2, at + 1 + count))
  end
  at = at + 2 + count
end
return dead
`);

/** KEYS: hashes of running streams. ARGV: expiry, then their ids. Pushes their expiry on. */
export const touchScript = withShared(`
for i = 1, #KEYS do
  local f = redis.call('HMGET', KEYS[i], 'facts', 'ending', 'once', 'lost')
  if f[1] and not f[2] and not f[4] then
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
    redis.call('PEXPIRE', prefix .. 's:' .. ARGV[i + 1], ARGV[1])
    if f[3] and onceIs(f[3], ARGV[i + 1]) then redis.call('PEXPIRE', f[3], ARGV[1]) end
  end
end
return {}
`);

/**
 * Ends a stream whose process is dead. KEYS: hash. ARGV: id, the epoch by which the caller knows it, ending, retention, 1 where its
 * idempotency key is forgotten if it had no head. A process that has a beat, or an epoch that was raised meanwhile, keep it as it
 * is. Returns the state, with all events that are there after number ARGV[5], in ARGV[6] bytes.
 */
export const cutScript = withShared(`
local id, ending = ARGV[1], ARGV[3]
local f = redis.call('HMGET', KEYS[1], 'epoch', 'process', 'last', 'first', 'once', 'head', 'ending', 'lost')
if f[1] == ARGV[2] and not f[7] and not f[8] and redis.call('EXISTS', prefix .. 'p:' .. f[2]) == 0 then
  redis.call('HSET', KEYS[1], 'epoch', tonumber(f[1]) + 1, 'ending', ending)
  keepEnded(id, f[5], not f[6], ARGV[4])
  publishMore(id, tonumber(f[3]) + 1, f[4], '', ending, {})
  redis.call('PUBLISH', prefix .. 'r:' .. f[2], 'fenced - ' .. id)
end
return stateOf(id, -1, 0)
`);

/** KEYS: hash, entries. ARGV: id. Removes a stream that has ended. */
export const dropScript = withShared(`
local f = redis.call('HMGET', KEYS[1], 'ending', 'once')
if not f[1] then return {} end
if f[2] and onceIs(f[2], ARGV[1]) then redis.call('DEL', f[2]) end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('PUBLISH', prefix .. 'c:' .. ARGV[1], 'dropped')
return {}
`);

/**
 * The first call after an outage, and the question whether it is over: it writes. KEYS: the beat; then for each stream its hash and its
 * entries. ARGV: the beat's expiry, retention; then for each stream its id, what becomes of it (`lost`: readers are refused from
 * now on; `none`: it never was), and its idempotency key with the fingerprint, or two ''.
 */
export const repairScript = withShared(`
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
local retention = ARGV[2]
local at = 3
for i = 2, #KEYS, 2 do
  local meta, events = KEYS[i], KEYS[i + 1]
  local id, fate, once, fingerprint = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  at = at + 4
  if fate == 'lost' then
    redis.call('HSET', meta, 'lost', '1')
    redis.call('PEXPIRE', meta, retention)
    redis.call('PEXPIRE', events, retention)
    if once ~= '' then
      redis.call('SET', once, id .. '\\n' .. fingerprint, 'NX', 'PX', retention)
      if onceIs(once, id) then redis.call('PEXPIRE', once, retention) end
    end
    redis.call('PUBLISH', prefix .. 'c:' .. id, 'lost')
  else
    if once ~= '' and onceIs(once, id) then redis.call('DEL', once) end
    redis.call('DEL', meta, events)
    redis.call('HSET', meta, 'none', '1')
    redis.call('PEXPIRE', meta, noneMs)
  end
end
return {}
`);

/** Every script that is called in normal operation. */
export const scripts: readonly Script[] = [
  beginScript,
  findScript,
  findOnceScript,
  appendScript,
  loadScript,
  followScript,
  tickScript,
  touchScript,
  cutScript,
  dropScript,
  repairScript,
];

/** Those that change nothing. */
export const readingScripts: ReadonlySet<Script> = new Set([findScript, findOnceScript, loadScript]);
