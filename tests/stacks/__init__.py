"""The example organisation in a lab cloud, through whatever engine is there."""
