"""Pictures of what a record's evidence holds: static SVG, one panel a picture."""
