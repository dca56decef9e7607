SELECT $known AS k, $knwon AS typo, $other AS o
