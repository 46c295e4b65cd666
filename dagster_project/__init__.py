"""The FCIR warehouse: extracts of police contact and crime in, published figures out."""
