"""What people read: the page of results, its tables, and the records that it is written from."""
