"""DNS propagation: who still gives the old answer, and until when."""
