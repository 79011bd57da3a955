module example.org/programs

go 1.20

require example.org/greeting v1.2.3

replace example.org/greeting v1.2.3 => ./greeting
