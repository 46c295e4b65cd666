"""Write what people read: a folder for each publication, one pointer to the current. Figures come from the marts."""
