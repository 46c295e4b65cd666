{{ accepted('call_segments') }}
