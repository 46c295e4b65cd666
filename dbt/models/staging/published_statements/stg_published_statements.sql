{{ current_rows("published_statements") }}
