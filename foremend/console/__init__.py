"""The console: pages of plain files, no build step, nothing fetched from other hosts."""
