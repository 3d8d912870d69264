"""Personal data: where it is (`places`), and how it is erased, given to its owner, and let go of when it is old."""
