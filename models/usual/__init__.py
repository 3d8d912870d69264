"""What is usual: for one appliance under the day's conditions, and for its siblings on the same day."""
