"""The board paper as data: content, order and notes. The renderers determine its layout."""
