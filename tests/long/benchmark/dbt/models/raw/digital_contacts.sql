{{ accepted('digital_contacts') }}
