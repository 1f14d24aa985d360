"""The artifacts under a lake: one module for each, with its layout, its reader and its writer."""
