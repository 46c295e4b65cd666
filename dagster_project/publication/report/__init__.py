"""The board paper as data: what it says, in which order, with which notes. How it looks is for the renderers."""
