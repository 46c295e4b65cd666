{{ accepted('crimes') }}
