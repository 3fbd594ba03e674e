"""`/api/events/stream` and `/api/events/ws`: what happens, told as it happens, resumable from a cursor.

`reader` is the life of one stream, whatever carries it; `sse` and `socket` carry it; `desk` opens streams and says why
one must end. What happens comes from `wasup.actors.event_hub`.
"""
