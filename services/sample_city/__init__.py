"""The sample city: 雪野市 (Yukino), an invented snowy city that serves its open data as real cities do."""
