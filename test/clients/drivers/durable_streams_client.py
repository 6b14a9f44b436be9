"""The client of Durable Streams for Python, as it is: it reads the stream of a completion.

Its version does not know that a stream can be closed, and would ask for ever: its user stops at the finish, or at the error.
"""

from durable_streams import DurableStream, stream

import lines


def options(call):
    # A signed address needs no key.
    headers = {"authorization": f"Bearer {call['apiKey']}"} if call["apiKey"] else {}
    return {"headers": headers, "timeout": 60}


def is_last(message):
    return "error" in message or any(choice["finish_reason"] for choice in message["choices"])


def follow(call, outcome):
    offset = call.get("offset", "-1")
    with stream(call["streamUrl"], offset=offset, live=call["live"], **options(call)) as response:
        outcome["iterating"] = True
        for event in response.iter_events(mode="json_batches"):
            outcome["seen"].extend(event.data)
            outcome["position"] = {"offset": event.next_offset, "closed": None}
            if len(outcome["seen"]) >= call.get("stopAfter", float("inf")):
                return
            if event.data and is_last(event.data[-1]):
                return


def read_all(call, outcome):
    offset = call.get("offset", "-1")
    with stream(call["streamUrl"], offset=offset, live=False, **options(call)) as response:
        outcome["seen"] = response.read_json()
        outcome["position"] = {
            "offset": response.offset,
            "closed": response.headers.get("stream-closed") == "true",
        }


def head(call, outcome):
    result = DurableStream.head_static(call["streamUrl"], **options(call))
    outcome["position"] = {"offset": result.offset, "closed": None}


def remove(call, outcome):
    DurableStream.delete_static(call["streamUrl"], **options(call))


operations = {"follow": follow, "readAll": read_all, "head": head, "remove": remove}
lines.serve(operations, lambda error: {"status": getattr(error, "status", None)})
