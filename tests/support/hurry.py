"""Time limits that begin where a test means them: what must go well before may take its time on a busy machine."""

from detector.relay.client_wire import ClientWire


def hurry(wire: ClientWire, reply_time: float) -> None:
    """Whatever is asked on this connection from now on must be answered within so many seconds."""
    wire._reply_time = reply_time
    if wire._timer is not None:
        wire._timer.cancel()
        wire._timer = None
