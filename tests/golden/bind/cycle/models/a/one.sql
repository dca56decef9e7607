SELECT x FROM a.two
