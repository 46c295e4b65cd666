"""The pages around the papers: measures, demand, quality, dictionary, cookbook and search."""
