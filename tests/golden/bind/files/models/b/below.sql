SELECT x FROM a.none
