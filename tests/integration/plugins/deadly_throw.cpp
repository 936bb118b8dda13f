/* deadly_throw.cpp: an exception that leaves a plugin. */
extern "C" void deadly_throw(void);

void deadly_throw(void) {
    throw 1;
}
