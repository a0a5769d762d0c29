module jackfield

go 1.24
