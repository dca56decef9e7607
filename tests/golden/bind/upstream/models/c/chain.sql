SELECT x FROM b.quiet
