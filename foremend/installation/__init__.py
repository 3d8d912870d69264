"""What is kept in `storage.folder` and beside it, as one: who has it, who may read it, and whether its parts agree."""
