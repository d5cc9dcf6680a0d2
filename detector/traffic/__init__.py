"""Statistics of one account in bounded size. Pure: time comes in as `now`, in Unix seconds."""
