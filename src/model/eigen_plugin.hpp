// Included by Eigen between its vectors for NEON and its matrix products (see pinned_eigen.hpp): from here on it
// knows of no fused multiply-add, and takes the products that any processor has.
#undef EIGEN_HAS_SINGLE_INSTRUCTION_MADD
#undef EIGEN_VECTORIZE_NEON
