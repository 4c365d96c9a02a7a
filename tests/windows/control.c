/* control SERVICE CODE: sends a control that is the service's own, as Windows' `sc control` does and Wine's does not. For tests. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

int main(int count, char **words)
{
    SERVICE_STATUS status;
    SC_HANDLE manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = count == 3 ? OpenServiceA(manager, words[1], SERVICE_USER_DEFINED_CONTROL) : NULL;
    if (service && ControlService(service, strtoul(words[2], NULL, 10), &status))
        return 0;
    fprintf(stderr, "control: error %lu\n", GetLastError());
    return 1;
}
