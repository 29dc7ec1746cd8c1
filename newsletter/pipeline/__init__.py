"""One module per act: here the stages meet, and nowhere else; every act is safe to repeat."""
