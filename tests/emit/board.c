/* Starts main on a Cortex-M in an emulator that answers semihosting calls. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t __bss_start__, __bss_end__;
extern void initialise_monitor_handles(void);
extern int main(void);

void start(void) {
  memset(&__bss_start__, 0, (size_t)((char *)&__bss_end__ - (char *)&__bss_start__));
  initialise_monitor_handles();
  _Exit(main());
}

__attribute__((section(".vectors"), used)) static const uintptr_t kVectors[] = {0x20400000, (uintptr_t)start};
