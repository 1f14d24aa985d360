"""Everything that lies under a lake: one module per artifact, with its layout, its reader and its writer."""
