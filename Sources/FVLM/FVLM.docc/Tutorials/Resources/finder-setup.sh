export PKG_CONFIG_PATH="$PWD/.libtorch/pkgconfig"
fvlm doctor
