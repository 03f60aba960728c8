"""What every part of the REST API shares: who calls, how input is read, how answers, lists and errors look."""
