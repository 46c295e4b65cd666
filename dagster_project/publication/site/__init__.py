"""The pages around the papers: measures, demand, quality, dictionary, cookbook, and the search over them."""
