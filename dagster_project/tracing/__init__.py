"""From a figure back to what it was counted from: its sums, their events, files and rows."""
