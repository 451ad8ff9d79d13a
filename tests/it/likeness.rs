//! The twin is only as good as its likeness: the same calls go to the twin and to moto, and the two accounts must look
//! the same afterwards. What moto does otherwise than AWS stands in `DIFFERENCES`, each with its source.
