/* scratch */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "libpolicy/storew.h"
static double cpu(void){struct timespec t;clock_gettime(CLOCK_PROCESS_CPUTIME_ID,&t);return t.tv_sec*1e3+t.tv_nsec/1e6;}
static double mark;
static void lap(const char*w){double n=cpu();printf("%-10s %7.2f ms\n",w,n-mark);mark=cpu();}
static void form_add(void *arg, const char *form, size_t len, const struct policy_key *keys, size_t nkeys){policy_forms_add(arg, form, len, keys, nkeys);}
static void one(struct policy_store *st,const char*f){
	struct policy_forms forms={0};struct policy_texts tx={0};
	struct policy_env env={.env_secret=form_add,.env_arg=&forms};static struct policy_errors errs;
	struct policy pol;const char*why="";uint64_t rev;
	struct policy_commit co={.co_author="t",.co_reason="",.co_texts=&tx,.co_forms=&forms,.co_policy=&pol};
	printf("--- %s\n",f); mark=cpu();
	if(!policy_texts_read(&tx,0,POLICY_TEXT_MAIN,f,&why)){puts(why);exit(1);}
	lap("read");
	struct policy p2; policy_init(&p2);
	struct policy_text t={"x",tx.tx_v[0].ti_body,tx.tx_v[0].ti_len};
	policy_parse(&p2,&t,NULL,NULL,0,&errs); lap("parse");
	policy_finish(&p2,&errs); lap("finish"); policy_free(&p2); lap("free");
	if(!policy_texts_parse(&tx,&pol,&env,&errs)){puts("err");exit(1);}
	lap("all");
	if(st){ if(!policy_store_commit(st,&co,&rev,&why)){puts(why);exit(1);} lap("commit");
	policy_store_keep(st,rev,&pol); lap("keep"); 
	if(getenv("EXPORT")){policy_store_export(st,rev,&why);lap("export");}}
	policy_texts_free(&tx);policy_forms_free(&forms);policy_free(&pol);lap("free");
}
int main(int c,char**v){const char*why="";struct policy_store*st=NULL;
 if(getenv("DB")){st=policy_store_open_rw(getenv("DB"),&why);if(!st){puts(why);return 1;}}
 for(int i=1;i<c;i++)one(st,v[i]);
 return 0;}
