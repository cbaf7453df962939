-- Every lease expires, whatever its term. Answers how many there were.
return expire('+inf', 1000000)
