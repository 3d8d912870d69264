"""A household whose habits stop: whom its owner wants told, the little that is kept for it, and what is told."""
