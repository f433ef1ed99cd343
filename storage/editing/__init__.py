"""Changes of transcripts by people, and the segments as the program wrote them."""
