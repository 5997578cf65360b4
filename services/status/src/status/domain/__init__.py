"""What a status page means: components, incidents, maintenances and their rollup. Pure."""
