"""Files of customers for a segment: taking them in, checking, importing, taking an import back."""
