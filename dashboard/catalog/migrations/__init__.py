"""How the catalog's schema came to be: one file a step, in `versions/`."""
