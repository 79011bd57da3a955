#include <iostream>
#include <string>

int main(int count, char **arguments) {
    std::string greeting = "hello from C++";
    for (int i = 1; i < count; i++) {
        greeting += std::string(" and ") + arguments[i];
    }
    std::cout << greeting << std::endl;
    return 0;
}
