{{ current_rows("national_call_answering") }}
