"""The Lua scripts: what must happen at once happens in one of them.

KEYS are the mirror's: its settings (a hash), its summaries (a stream), its bodies (a hash by the request's id; of a tap
the body of the response under `<id>:r`, the trace under `<id>:t`; of one that was sent on what came of it under
`<id>:f`). The first one is also the channel of its events. Every write sets the same expiry on all three.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from reserve_core.kit import COUNTING_SCRIPT

_PREFIX = "reserve:{"

# Whether the caller listens by sharded pub/sub: if the server and its rights have that. Before Redis 7 neither exists.
_SHARDED = """
local known, sharded = pcall(redis.acl_check_cmd, 'SSUBSCRIBE', KEYS[1])
sharded = known and sharded
"""
LISTENS_SHARDED = f"{_SHARDED}return sharded and 1 or 0"

# Tells of an event: a JSON message, or a record's id and its summary. A summary goes to those only who listen at this
# node. If nobody does, it is the id alone: who listens at another node, as after a failover, learns that it's the wrong
# one. By the way that isn't the caller's own those are told who are here: callers may have different rights.
_TELL = f"""{_SHARDED}
local function tell(event, summary)
    local whole = summary and event .. ' ' .. summary or event
    local function by(counts, publishes, own)
        local listeners = redis.pcall('PUBSUB', counts, KEYS[1])
        local some = listeners.err and own or not listeners.err and listeners[2] > 0
        if own then
            redis.call(publishes, KEYS[1], some and whole or event)
        elseif some then
            redis.pcall(publishes, KEYS[1], whole)
        end
    end
    by('SHARDNUMSUB', 'SPUBLISH', sharded)
    by('NUMSUB', 'PUBLISH', not sharded)
end
"""


class MirrorScript(NamedTuple):
    """`by_sha` and `by_source` are how a packed command begins that runs it, its number of arguments apart."""

    sha: str
    by_sha: bytes
    by_source: bytes
    stores: bool  # what somebody has sent


def _script(source: str, *, stores: bool = False, tells: bool = False) -> MirrorScript:
    text = f"{_TELL if tells else ''}{source}".strip().encode()
    sha = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    by_sha = b"$7\r\nEVALSHA\r\n$40\r\n%b\r\n" % sha.encode()
    return MirrorScript(sha, by_sha, b"$4\r\nEVAL\r\n$%d\r\n%b\r\n" % (len(text), text), stores)


@lru_cache(maxsize=1024)
def keys_of(code: str) -> tuple[str, str, str]:
    """The KEYS of a mirror."""
    # The braces keep the three on one node of a cluster.
    key = f"{_PREFIX}{code}}}"
    return key, f"{key}:s", f"{key}:b"


def code_of(channel: bytes) -> str:
    """The mirror whose events come by this channel."""
    return channel[len(_PREFIX) : -1].decode()


# ARGV: max_requests, milliseconds to live (0: for ever), response, "1" to keep, max_size, of the rate the count and the
# period ("": no such limit), the rules and their digest ("": none). Returns 1 when it made the mirror.
# What a new one has of a former one goes; one that is kept goes on with it, if Redis has evicted its settings.
CREATE = _script(
    """
local live = tonumber(ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 1 then
    if ARGV[4] == '1' then
        redis.call('HSET', KEYS[1], 'max', ARGV[1], 'live', 0, 'room', ARGV[5], 'count', ARGV[6], 'period', ARGV[7])
        for i = 1, 3 do redis.call('PERSIST', KEYS[i]) end
    end
    return 0
end
local now = redis.call('TIME')
local created = now[1] * 1000 + math.floor(now[2] / 1000)
if ARGV[4] == '1' then
    for i = 2, 3 do redis.call('PERSIST', KEYS[i]) end
else
    redis.call('UNLINK', KEYS[2], KEYS[3])
end
redis.call('HSET', KEYS[1], 'max', ARGV[1], 'live', ARGV[2], 'answer', ARGV[3],
    'created', string.format('%.0f', created), 'revision', 0, 'room', ARGV[5], 'count', ARGV[6], 'period', ARGV[7])
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'rules', ARGV[8], 'digest', ARGV[9]) end
if live > 0 then redis.call('PEXPIRE', KEYS[1], live) end
return 1
""",
    stores=True,
)

# ARGV: "1" to renew. Returns max, live, response, created, revision, milliseconds left (-1: for ever), count,
# id of the newest record, and a list of max_size, the rate's count and period, the rules, how many were dropped, and
# how many have come.
READ = _script("""
local mirror = redis.call('HMGET', KEYS[1], 'max', 'live', 'answer', 'created', 'revision')
if not mirror[1] then return false end
local live = tonumber(mirror[2])
if ARGV[1] == '1' and live > 0 then
    for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], live) end
end
mirror[6] = redis.call('PTTL', KEYS[1])
mirror[7] = redis.call('XLEN', KEYS[2])
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
mirror[8] = newest and newest[1] or ''
mirror[9] = redis.call('HMGET', KEYS[1], 'room', 'count', 'period', 'rules', 'dropped', 'received')
return mirror
""")

# ARGV: summary, body, and of a tap the body of the response and the trace; the record's size; if it was held to rules
# their digest, and the number of the one that it meets (0: none). Returns the id, the mirror's response, and how many
# have met the rule; a number when it's beyond the rate: the seconds until it would not be. Where the mirror has other
# rules nothing is stored, and it returns these.
#
# The rate is kept as by `take` of reserve_core.quotas. The sizes stand in the stream, their sum in the settings.
# What Redis refuses when its memory is full comes first: then nothing is lost.
ADD = _script(
    """
local mirror = redis.call('HMGET', KEYS[1], 'max', 'live', 'answer', 'room', 'size', 'count', 'period', 'at', 'debt',
    'digest', 'received', 'forwards')
if not mirror[1] then return false end
if (mirror[10] or '') ~= (ARGV[6] or '') then return {redis.call('HGET', KEYS[1], 'rules') or ''} end
local room, count, at, debt = tonumber(mirror[4]), tonumber(mirror[6])
if count then
    local time, cost = redis.call('TIME'), mirror[7] * 1000000
    at = time[1] * 1000000 + time[2]
    debt = math.max(0, (mirror[9] or 0) - math.max(0, at - (mirror[8] or at)) * count) + cost
    local excess = debt - count * cost
    if excess > 0 then return math.ceil(excess / (count * 1000000)) end
end
local id = redis.call('XADD', KEYS[2], '*', 's', ARGV[1], 'n', ARGV[5])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[3], id, ARGV[2]) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], id .. ':r', ARGV[3]) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], id .. ':t', ARGV[4]) end
local size, last = math.max(0, mirror[5] or 0) + ARGV[5]
local excess, dropped = redis.call('XLEN', KEYS[2]) - mirror[1], 0
while excess > 0 or room and size > room do
    local old = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
    if not old then break end
    if mirror[12] then size = size - #(redis.call('HGET', KEYS[3], old[1] .. ':f') or '') end
    redis.call('XDEL', KEYS[2], old[1])
    redis.call('HDEL', KEYS[3], old[1], old[1] .. ':r', old[1] .. ':t', old[1] .. ':f')
    if excess <= 0 then last = old[1] end
    size, excess, dropped = size - (old[2][4] or 0), excess - 1, dropped + 1
end
if dropped > 0 then redis.call('HINCRBY', KEYS[1], 'dropped', dropped) end
local received = (mirror[11] or 0) + 1
if count then
    redis.call('HSET', KEYS[1], 'size', size, 'received', received, 'at', at, 'debt', debt)
else
    redis.call('HSET', KEYS[1], 'size', size, 'received', received)
end
local live = tonumber(mirror[2])
if live > 0 then
    for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], live) end
end
tell(id, ARGV[1])
if last then
    local revision = redis.call('HGET', KEYS[1], 'created') .. '.' .. redis.call('HINCRBY', KEYS[1], 'revision', 1)
    local left = redis.call('XLEN', KEYS[2])
    tell('{"type":"cleared","last":"' .. last .. '","revision":"' .. revision .. '","left":' .. left .. '}')
end
if ARGV[7] and ARGV[7] ~= '0' then return {id, mirror[3], redis.call('HINCRBY', KEYS[1], 'met:' .. ARGV[7], 1)} end
return {id, mirror[3]}
""",
    stores=True,
    tells=True,
)

# Deletes the records up to and with the id `last`, and tells of it; returns how many they were.
_CLEAR_UP_TO = """
local function clear_up_to(last)
    local size, cleared, old = 0, 0, {}
    repeat
        old = redis.call('XRANGE', KEYS[2], '-', last, 'COUNT', 1000)
        for _, record in ipairs(old) do
            size = size + #(redis.call('HGET', KEYS[3], record[1] .. ':f') or '')
            redis.call('XDEL', KEYS[2], record[1])
            redis.call('HDEL', KEYS[3], record[1], record[1] .. ':r', record[1] .. ':t', record[1] .. ':f')
            size, cleared = size + (record[2][4] or 0), cleared + 1
        end
    until #old == 0
    redis.call('HINCRBY', KEYS[1], 'size', string.format('%.0f', -size))
    local created = redis.call('HGET', KEYS[1], 'created')
    local revision = created .. '.' .. redis.call('HINCRBY', KEYS[1], 'revision', 1)
    local left = redis.call('XLEN', KEYS[2])
    tell('{"type":"cleared","last":"' .. last .. '","revision":"' .. revision .. '","left":' .. left .. '}')
    return cleared
end
"""

# ARGV: "1" to change the response, which is the next; "1" to change the rules, which are the next, and their digest;
# how many requests are kept ("": as many as before). Returns 1 when there is the mirror.
CHANGE = _script(
    f"""{_CLEAR_UP_TO}
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] == '1' then redis.call('HSET', KEYS[1], 'answer', ARGV[2]) end
if ARGV[3] == '1' then
    redis.call('HSET', KEYS[1], 'rules', ARGV[4], 'digest', ARGV[5])
    for i = 1, 100 do redis.call('HDEL', KEYS[1], 'met:' .. i) end
end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'max', ARGV[6]) end
local now = redis.call('HMGET', KEYS[1], 'answer', 'rules', 'max')
local rules = now[2] and now[2] ~= '' and now[2] or '[]'
tell('{{"type":"updated","response":' .. now[1] .. ',"rules":' .. rules .. ',"max_requests":' .. now[3] .. '}}')
local excess = redis.call('XLEN', KEYS[2]) - now[3]
if excess > 0 then
    local dropped = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', excess)
    redis.call('HINCRBY', KEYS[1], 'dropped', clear_up_to(dropped[excess][1]))
end
return 1
""",
    stores=True,
    tells=True,
)

# Returns 1 when there was the mirror.
DROP = _script(
    """
local found = redis.call('DEL', KEYS[1])
redis.call('UNLINK', KEYS[2], KEYS[3])
if found == 1 then tell('{"type":"expired","reason":"deleted"}') end
return found
""",
    tells=True,
)

# ARGV: the request's id; what came of it where it was sent on, which has its part in the size. Returns 1 when there is
# the request.
FORWARD = _script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 or not redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1] then return 0 end
local before = #(redis.call('HGET', KEYS[3], ARGV[1] .. ':f') or '')
redis.call('HSET', KEYS[3], ARGV[1] .. ':f', ARGV[2])
redis.call('HSET', KEYS[1], 'forwards', 1)
redis.call('HINCRBY', KEYS[1], 'size', #ARGV[2] - before)
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[3], left) end
tell('{"type":"forwarded","id":"' .. ARGV[1] .. '"}')
return 1
""",
    stores=True,
    tells=True,
)

# ARGV: the group's name, the listener's, the id that it is done with ("": none), where a new group begins (an id; "":
# with the oldest; "now"), the milliseconds of a lease, how many groups there may be, and how many may hold a request.
# Returns the record that the listener holds now (false: none), the milliseconds until a lease ends (-1: there is none),
# and how many the mirror has dropped before one took them; 0 when there are too many groups.
#
# A group is a field of the settings, so it expires and goes with them: `after`, the id of the newest that was given to
# a listener; `passed`, how many the mirror had received until then, if that is known; and `held`, who has which
# request, and until when.
CLAIM = _script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local field, listener, done, begin = 'group:' .. ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local mirror = redis.call('HMGET', KEYS[1], field, 'received', 'groups')
local received, group = tonumber(mirror[2] or 0)
if mirror[1] then
    group = cjson.decode(mirror[1])
else
    if (mirror[3] or 0) + 0 >= ARGV[6] + 0 then return 0 end
    redis.call('HINCRBY', KEYS[1], 'groups', 1)
    group = {after = begin, held = {}}
    if begin == 'now' then
        local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
        group.after, group.passed = newest and newest[1] or '', received
    end
end
group.held[done] = nil
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record, since, soonest, holders, lost = false, nil, -1, 0, 0
for id, holder in pairs(group.held) do
    local own = holder[1] == listener
    holders = holders + 1
    if own or holder[2] <= now then
        local found = redis.call('XRANGE', KEYS[2], id, id)[1]
        local rank = own and 0 or holder[2]
        if not found then
            group.held[id] = nil
            holders = holders - 1
            if not own then lost = lost + 1 end
        elseif not record or rank < since then
            record, since = found, rank
        end
    elseif soonest < 0 or holder[2] - now < soonest then
        soonest = holder[2] - now
    end
end
if not record and holders < ARGV[7] + 0 then
    local start = group.after == '' and '-' or '(' .. group.after
    record = redis.call('XRANGE', KEYS[2], start, '+', 'COUNT', 1)[1] or false
    if record then
        group.after, group.passed = record[1], group.passed and group.passed + 1
    else
        lost = lost + received - (group.passed or received)
        group.passed = received
    end
end
if record then group.held[record[1]] = {listener, now + ARGV[5]} end
redis.call('HSET', KEYS[1], field, cjson.encode(group))
return {record, soonest, lost}
""")

# ARGV: the request's id. Returns 1 when there was the request.
REMOVE = _script(
    """
local created = redis.call('HGET', KEYS[1], 'created')
local old = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not created or not old then return 0 end
redis.call('XDEL', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[1], 'size', -(old[2][4] or 0) - #(redis.call('HGET', KEYS[3], ARGV[1] .. ':f') or ''))
redis.call('HDEL', KEYS[3], ARGV[1], ARGV[1] .. ':r', ARGV[1] .. ':t', ARGV[1] .. ':f')
local revision = created .. '.' .. redis.call('HINCRBY', KEYS[1], 'revision', 1)
tell('{"type":"deleted","id":"' .. ARGV[1] .. '","revision":"' .. revision .. '"}')
return 1
""",
    tells=True,
)

# ARGV: the id of the newest that goes ("": all go). Returns 1 when there is the mirror. The stream stays, if without
# entries: it knows its last id.
CLEAR = _script(
    f"""{_CLEAR_UP_TO}
local created = redis.call('HGET', KEYS[1], 'created')
if not created then return 0 end
if ARGV[1] ~= '' then
    clear_up_to(ARGV[1])
    return 1
end
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local last = newest and newest[1] or ''
redis.call('XTRIM', KEYS[2], 'MAXLEN', 0)
redis.call('UNLINK', KEYS[3])
redis.call('HSET', KEYS[1], 'size', 0)
local revision = created .. '.' .. redis.call('HINCRBY', KEYS[1], 'revision', 1)
tell('{{"type":"cleared","last":"' .. last .. '","revision":"' .. revision .. '","left":0}}')
return 1
""",
    tells=True,
)

# Counts a request of a client; KEYS[1] is the client's.
COUNT = _script(COUNTING_SCRIPT)
