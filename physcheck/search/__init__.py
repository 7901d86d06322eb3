"""Generated cases: structures and transformations drawn by hypothesis, judged, and made smaller."""
